locals {
  # Do not use jsonencode: a receiver that encodes the body again would pass.
  body = <<-EOT
    {"id": "1","eventType":"job.completed","payload":{"path":"a\/b","ratio":1.0}}
  EOT
}

# The value that TitanX would send in X-TitanX-Signature with this body, to test a receiver.
output "signature" {
  value = provider::titanx::sign_payload("a secret for tests", local.body)
}
