output "id" {
  description = "The webhook's id at TitanX."
  value       = titanx_webhook.this.id
}

output "secret" {
  description = "The signing secret, for the receiver. Null if it is lost, or if `secret_recipients` is set."
  value       = titanx_webhook.this.secret
  sensitive   = true
}

output "encrypted_secret" {
  description = "The signing secret, encrypted with age to `secret_recipients`. Null if `secret_recipients` is not set."
  value       = titanx_webhook.this.encrypted_secret
}

output "secret_version" {
  description = "A number that changes with the secret. Use it for the `_wo_version` arguments of other providers."
  value       = titanx_webhook.this.secret_version
}

output "secret_status" {
  description = "What Terraform knows about the secret: `known`, `adopted`, `encrypted`, `expired`, or `lost`."
  value       = titanx_webhook.this.secret_status
}

output "created_at" {
  description = "When TitanX created the webhook and its secret (RFC 3339, UTC)."
  value       = titanx_webhook.this.created_at
}
