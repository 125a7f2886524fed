output "id" {
  description = "The webhook's id at TitanX."
  value       = titanx_webhook.this.id
}

output "secret" {
  description = "The signing secret, for the receiver. Null if it is lost, or encrypted to secret_recipients."
  value       = titanx_webhook.this.secret
  sensitive   = true
}

output "encrypted_secret" {
  description = "The signing secret, encrypted with age to secret_recipients. Null without them."
  value       = titanx_webhook.this.encrypted_secret
}

output "secret_status" {
  description = "What is known of the secret: known, adopted, encrypted, expired or lost."
  value       = titanx_webhook.this.secret_status
}

output "created_at" {
  description = "When the webhook, and with it the secret, was made (RFC 3339, UTC)."
  value       = titanx_webhook.this.created_at
}
