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
  description = "The age at which the secret is replaced, such as `2160h` (90 days). Null means never."
  type        = string
  default     = "2160h"
}

variable "rotation_triggers" {
  description = "Any values. A change of them replaces the secret at the next apply."
  type        = map(string)
  default     = null
}

variable "grace_period" {
  description = "The seconds for which a replaced webhook still delivers, so that receivers can load the new secret. Null means that it is deleted at once. Needs the command `sleep`."
  type        = number
  default     = null
}

variable "secret_recipients" {
  description = "age public keys. If they are set, the state has the secret only encrypted to them."
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
  description = "A secret that you already have, to adopt after an import (Terraform 1.11, OpenTofu 1.11). It is not stored as an argument."
  type        = string
  default     = null
  sensitive   = true
}

variable "secret_wo_version" {
  description = "A number. A change adopts `secret_wo` again."
  type        = number
  default     = null
}
