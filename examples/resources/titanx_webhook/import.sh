# The id is the one that TitanX lists. An import cannot read the secret: see on_lost_secret.
terraform import titanx_webhook.contacts 0b8f7f0e-3f57-4c57-9d4e-0d9f5f0f7c11
