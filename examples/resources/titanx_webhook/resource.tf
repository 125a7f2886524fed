resource "titanx_webhook" "contacts" {
  name        = "scored contacts"
  url         = "https://hooks.example.com/titanx/contacts"
  event_types = ["job.contact.scored"]

  # A replacement issues a new secret. The old webhook delivers until the new one does.
  lifecycle {
    create_before_destroy = true
  }
}

# A new secret every 90 days, and at once when the trigger changes.
resource "titanx_webhook" "jobs" {
  name         = "completed jobs"
  url          = "https://hooks.example.com/titanx/jobs"
  event_types  = ["job.completed"]
  rotate_after = "2160h"

  rotation_triggers = {
    reason = "first secret"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# The receiver verifies signatures with this secret.
output "contacts_secret" {
  value     = titanx_webhook.contacts.secret
  sensitive = true
}
