// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Accepts TitanX deliveries in an AWS Lambda, behind a function URL, API Gateway
// or a load balancer. Copy receiver.js into its folder. A Lambda has no disk, so
// that a queue keeps the events. What takes them from the queue must do the work
// of an id once: SQS remembers an id for five minutes, TitanX repeats for days.
'use strict';

const { SQSClient, SendMessageCommand } = require('@aws-sdk/client-sqs');
const { old, parse, parseSecrets, verified } = require('./receiver');

const queue = new SQSClient({});

exports.handler = async (request) => {
  // The body is text, or the raw bytes in base64. Reading base64 as text verifies nothing.
  const body = Buffer.from(request.body ?? '', request.isBase64Encoded ? 'base64' : 'utf8');
  const signature = Object.entries(request.multiValueHeaders ?? request.headers ?? {})
    .filter(([name]) => name.toLowerCase() === 'x-titanx-signature')
    .flatMap(([, value]) => value)
    .join(', ');
  try {
    const keys = parseSecrets(Buffer.from(process.env.TITANX_SECRETS ?? '')); // one a line, as in a secrets file
    if (!verified(keys, body, signature)) return { statusCode: 401 };
    const event = parse(body);
    if (!event) return { statusCode: 400 };
    if (old(event.timestamp)) return { statusCode: 503 };
    await queue.send(
      new SendMessageCommand({
        QueueUrl: process.env.QUEUE_URL, // of a FIFO queue
        MessageBody: body.toString(),
        MessageGroupId: event.eventType,
        MessageDeduplicationId: event.id,
      }),
    );
    return { statusCode: 204 };
  } catch (err) {
    console.error(err.message); // of the secrets or the queue: TitanX repeats the delivery
    return { statusCode: 503 };
  }
};
