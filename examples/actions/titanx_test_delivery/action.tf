variable "receiver_url" {
  description = "Where the receiver takes deliveries."
  type        = string
  default     = "https://hooks.example.com/titanx"
}

resource "titanx_webhook" "contacts" {
  name        = "scored contacts"
  url         = var.receiver_url
  event_types = ["job.contact.scored"]

  lifecycle {
    create_before_destroy = true
  }
}

# Stands for the resource that gives the secret to the receiver. A new secret comes with a new id.
resource "terraform_data" "receiver" {
  input = titanx_webhook.contacts.id

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.titanx_test_delivery.contacts]
    }
  }
}

# By itself: terraform apply -invoke=action.titanx_test_delivery.contacts
action "titanx_test_delivery" "contacts" {
  config {
    url    = titanx_webhook.contacts.url
    secret = titanx_webhook.contacts.secret
  }
}
