locals {
  secret    = "a secret for tests"
  body      = jsonencode({ id = "1", eventType = "job.completed" })
  signature = provider::titanx::sign_payload(local.secret, local.body)
}

# True for the body that was signed, false for any other.
output "valid" {
  value = provider::titanx::verify_signature(local.secret, local.body, local.signature)
}
