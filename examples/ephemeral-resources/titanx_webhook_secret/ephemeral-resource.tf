variable "recipients" {
  description = "The public keys (age1…) of those who may read the signing secret. age-keygen -y prints one."
  type        = set(string)
}

variable "age_identity" {
  description = "The private key that belongs to one of the webhook's secret_recipients."
  type        = string
  sensitive   = true
  ephemeral   = true
}

resource "titanx_webhook" "contacts" {
  name        = "contacts"
  url         = "https://hooks.example.com/titanx"
  event_types = ["job.contact.scored"]

  secret_recipients = var.recipients

  lifecycle {
    create_before_destroy = true
  }
}

# The secret exists only during this run. Pass it to a write-only argument, or to another provider's configuration.
ephemeral "titanx_webhook_secret" "contacts" {
  encrypted_secret = titanx_webhook.contacts.encrypted_secret
  identity         = var.age_identity
}
