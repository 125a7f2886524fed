resource "titanx_webhook" "this" {
  name              = var.name
  url               = var.url
  event_types       = var.event_types
  status            = var.enabled ? "active" : "inactive"
  rotate_after      = var.rotate_after
  rotation_triggers = var.rotation_triggers
  secret_recipients = var.secret_recipients
  on_lost_secret    = var.on_lost_secret

  # A replacement issues a new secret: the old webhook delivers until the new one does.
  lifecycle {
    create_before_destroy = true
  }
}

check "secret" {
  assert {
    condition     = titanx_webhook.this.secret_status != "lost"
    error_message = "The signing secret of the webhook \"${var.name}\" is lost: receivers cannot be given it."
  }
}
