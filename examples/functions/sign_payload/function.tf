# What TitanX would send in X-TitanX-Signature with this body: for a test of a receiver.
output "signature" {
  value = provider::titanx::sign_payload("a secret for tests", jsonencode({ id = "1", eventType = "job.completed" }))
}
