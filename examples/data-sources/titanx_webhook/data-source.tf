# By exactly one of id, name and url. None or several that match are an error.
data "titanx_webhook" "contacts" {
  name = "scored contacts"
}

output "contacts_url" {
  value = data.titanx_webhook.contacts.url
}
