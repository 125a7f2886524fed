variable "name" {
  description = "The name of the webhook at TitanX."
  type        = string
  nullable    = false
}

variable "url" {
  description = "The HTTPS address to which TitanX delivers. TitanX must be able to reach it."
  type        = string
  nullable    = false
}

variable "event_types" {
  description = "The events to deliver."
  type        = set(string)
  default     = ["job.contact.scored", "job.completed"]
  nullable    = false
}

variable "enabled" {
  description = "Whether TitanX delivers. A change keeps the secret."
  type        = bool
  default     = true
  nullable    = false
}

variable "rotate_after" {
  description = "The age at which the module replaces the secret, such as `2160h` (90 days). Null means never."
  type        = string
  default     = "2160h"
}

variable "rotation_triggers" {
  description = "Arbitrary values. Any change replaces the secret at the next apply."
  type        = map(string)
  default     = null
}

variable "grace_period" {
  description = "The seconds for which a replaced webhook still delivers, so that receivers can load the new secret. An event that TitanX is still repeating after that is lost. Null means that Terraform deletes the old webhook at once. Requires the command `sleep`."
  type        = number
  default     = null
}

variable "secret_recipients" {
  description = "age public keys. If set, the state contains the secret only in encrypted form."
  type        = set(string)
  default     = null
}

variable "on_lost_secret" {
  description = "What a plan does when the secret is lost, as after an import: `replace` the webhook, `keep` it without its secret, or `error`."
  type        = string
  default     = "replace"
  nullable    = false
}

variable "secret_wo" {
  description = "A secret that you already have, to adopt after an import (Terraform 1.11, OpenTofu 1.11). The argument itself is never stored."
  type        = string
  default     = null
  sensitive   = true
}

variable "secret_wo_version" {
  description = "A number. A change adopts `secret_wo` again."
  type        = number
  default     = null
}
