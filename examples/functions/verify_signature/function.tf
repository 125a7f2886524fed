locals {
  secret = "a secret for tests"

  # Do not use jsonencode: a receiver that encodes the body again would pass.
  body = <<-EOT
    {"id": "1","eventType":"job.completed","payload":{"path":"a\/b","ratio":1.0}}
  EOT

  signature = provider::titanx::sign_payload(local.secret, local.body)
}

# True for the body that was signed, false for any other.
output "valid" {
  value = provider::titanx::verify_signature(local.secret, local.body, local.signature)
}
