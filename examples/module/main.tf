resource "titanx_webhook" "this" {
  name              = var.name
  url               = var.url
  event_types       = var.event_types
  status            = var.enabled ? "active" : "inactive"
  rotate_after      = var.rotate_after
  rotation_triggers = var.rotation_triggers
  secret_recipients = var.secret_recipients
  on_lost_secret    = var.on_lost_secret
  secret_wo         = var.secret_wo
  secret_wo_version = var.secret_wo_version

  # A replacement issues a new secret. The old webhook delivers until the new one does.
  lifecycle {
    create_before_destroy = true
  }
}

# The grace period. After a replacement, Terraform creates this anew before it
# deletes the old webhook, and the creation takes that long.
resource "terraform_data" "grace" {
  count            = var.grace_period == null ? 0 : 1
  triggers_replace = titanx_webhook.this.id

  provisioner "local-exec" {
    command = "sleep ${titanx_webhook.this.id == terraform_data.first[0].output ? 0 : var.grace_period}"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Remembers the first webhook, which replaces none.
resource "terraform_data" "first" {
  count = var.grace_period == null ? 0 : 1
  input = titanx_webhook.this.id

  lifecycle {
    ignore_changes = [input]
  }
}
