# Write this to a file such as webhooks.tfquery.hcl, and run terraform query. To also write the
# configuration that imports the webhooks, add -generate-config-out=webhooks.tf.
list "titanx_webhook" "contacts" {
  provider = titanx

  config {
    event_type = "job.contact.scored"
    url_prefix = "https://hooks.example.com/"
  }
}
