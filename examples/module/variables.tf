variable "name" {
  description = "The webhook's name at TitanX."
  type        = string
  nullable    = false
}

variable "url" {
  description = "Where TitanX delivers: an https address that is reachable from the internet."
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
  description = "Whether TitanX delivers. Switched in place; the secret stays."
  type        = bool
  default     = true
  nullable    = false
}

variable "rotate_after" {
  description = "The age at which the secret is replaced, such as 2160h (90 days). Null: never."
  type        = string
  default     = "2160h"
}

variable "rotation_triggers" {
  description = "Any values; a change of them replaces the secret at once."
  type        = map(string)
  default     = null
}

variable "secret_recipients" {
  description = "age public keys. If set, the state holds the secret only encrypted to them."
  type        = set(string)
  default     = null
}

variable "on_lost_secret" {
  description = "What a plan does when the secret is lost, as after an import: replace the webhook, keep it without its secret, or error."
  type        = string
  default     = "replace"
  nullable    = false
}
