variable "recipients" {
  description = "The public keys (age1…) of those who may read the signing secret. age-keygen -y prints one."
  type        = set(string)
}

variable "receiver_url" {
  description = "The address at which the receiver accepts deliveries."
  type        = string
  default     = "https://hooks.example.com/titanx"
}

variable "age_identity" {
  description = "The private key that belongs to one of the webhook's secret_recipients."
  type        = string
  sensitive   = true
  ephemeral   = true
}

resource "titanx_webhook" "contacts" {
  name        = "scored contacts"
  url         = var.receiver_url
  event_types = ["job.contact.scored"]

  secret_recipients = var.recipients

  lifecycle {
    create_before_destroy = true
  }
}

ephemeral "titanx_webhook_secret" "contacts" {
  encrypted_secret = titanx_webhook.contacts.encrypted_secret
  identity         = var.age_identity
}

# Replace this with the resource that passes the secret to the receiver. A new secret comes with a new id.
resource "terraform_data" "receiver" {
  input = titanx_webhook.contacts.id

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.titanx_test_delivery.contacts]
    }
  }
}

# No plan file and no state contains an ephemeral value.
action "titanx_test_delivery" "contacts" {
  config {
    url    = titanx_webhook.contacts.url
    secret = ephemeral.titanx_webhook_secret.contacts.secret
  }
}
