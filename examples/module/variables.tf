variable "name" {
  description = "The webhook's name at TitanX."
  type        = string
  nullable    = false

  validation {
    condition     = trimspace(var.name) != ""
    error_message = "The name must not be empty."
  }
}

variable "url" {
  description = "Where TitanX delivers: an https address that is reachable from the internet."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(?i:https)://[^/?#@]+([/?][^#]*)?$", var.url))
    error_message = "The url must be absolute and https, without user info or fragment, such as https://hooks.example.com/titanx."
  }
}

variable "event_types" {
  description = "The events to deliver."
  type        = set(string)
  default     = ["job.contact.scored", "job.completed"]
  nullable    = false

  validation {
    condition     = length(var.event_types) > 0
    error_message = "At least one event type is needed."
  }

  validation {
    condition     = alltrue([for e in var.event_types : can(regex("^[a-z0-9_]+(\\.[a-z0-9_]+)+$", e))])
    error_message = "An event type is words with dots between them, such as job.contact.scored."
  }
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

  validation {
    condition     = var.rotate_after == null || can(regex("^([0-9]+h)?([0-9]+m)?([0-9]+s)?$", var.rotate_after)) && var.rotate_after != ""
    error_message = "The age must be a duration in hours, minutes and seconds, such as 2160h."
  }
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

  validation {
    condition     = var.secret_recipients == null ? true : length(var.secret_recipients) > 0
    error_message = "Give at least one recipient, or null to keep the secret in the state."
  }
}

variable "on_lost_secret" {
  description = "What a plan does when the secret is lost, as after an import: replace the webhook, keep it without its secret, or error."
  type        = string
  default     = "replace"
  nullable    = false

  validation {
    condition     = contains(["replace", "keep", "error"], var.on_lost_secret)
    error_message = "The policy must be replace, keep or error."
  }
}
