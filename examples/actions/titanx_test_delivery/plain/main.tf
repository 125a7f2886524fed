variable "receiver_url" {
  description = "The address at which the receiver accepts deliveries."
  type        = string
  default     = "https://hooks.example.com/titanx"
}

resource "titanx_webhook" "contacts" {
  name        = "scored contacts"
  url         = var.receiver_url
  event_types = ["job.contact.scored"]

  lifecycle {
    create_before_destroy = true

    action_trigger {
      events  = [after_create]
      actions = [action.titanx_test_delivery.contacts]
    }
  }
}

# A saved plan file contains this secret in clear text, as the state does.
action "titanx_test_delivery" "contacts" {
  config {
    url    = titanx_webhook.contacts.url
    secret = titanx_webhook.contacts.secret
  }
}
