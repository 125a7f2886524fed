locals {
  secret = "a secret for tests"

  # Do not use jsonencode: a receiver that encodes the body again would pass.
  body = <<-EOT
    {"id": "1","eventType":"job.completed","payload":{"path":"a\/b","ratio":1.0}}
  EOT

  signature = provider::titanx::sign_payload(local.secret, local.body)
}

# True for the bytes that were signed, false for any others. For a body in a file: filebase64("body.json").
output "valid" {
  value = provider::titanx::verify_signature_base64(local.secret, base64encode(local.body), local.signature)
}
