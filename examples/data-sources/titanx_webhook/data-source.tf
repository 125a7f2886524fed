# Set exactly one of id, name, and url. It is an error if no webhook, or more than one, matches.
data "titanx_webhook" "contacts" {
  name = "scored contacts"
}

output "contacts_url" {
  value = data.titanx_webhook.contacts.url
}
