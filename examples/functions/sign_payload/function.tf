locals {
  # Not jsonencode: a receiver that encodes the body again would pass.
  body = <<-EOT
    {"id": "1","eventType":"job.completed","payload":{"path":"a\/b","ratio":1.0}}
  EOT
}

# What TitanX would send in X-TitanX-Signature with this body: for a test of a receiver.
output "signature" {
  value = provider::titanx::sign_payload("a secret for tests", local.body)
}
