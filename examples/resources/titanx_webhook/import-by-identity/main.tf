import {
  to = titanx_webhook.contacts
  identity = {
    id = "0b8f7f0e-3f57-4c57-9d4e-0d9f5f0f7c11"
  }
}

resource "titanx_webhook" "contacts" {
  name        = "scored contacts"
  url         = "https://hooks.example.com/titanx/contacts"
  event_types = ["job.contact.scored"]

  # An import cannot read the secret. Without this line, the plan replaces the webhook to get a new one.
  on_lost_secret = "keep"

  lifecycle {
    create_before_destroy = true
  }
}
