// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Accepts TitanX deliveries in an Express application. Copy receiver.js into
// its folder, and put your work into the function handle there.
'use strict';

const express = require('express');
const { Receiver } = require('./receiver');

const receiver = new Receiver(process.env.TITANX_SECRETS_FILE);
const app = express();

// This route comes before express.json(), which would keep nothing of the raw
// body. express.raw() has a body only if there are bytes.
app.post('/titanx', open, express.raw({ type: () => true, limit: 1 << 20 }), (req, res) => {
  const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
  res.status(receiver.deliver(body, req.get('X-TitanX-Signature'))).end();
});

function open(_, res, next) {
  if (receiver.accepting) next();
  else res.set('Connection', 'close').status(503).end();
}

app.use(express.json()); // for the other routes

receiver.open(process.env.TITANX_EVENTS_FILE || 'titanx-events.jsonl').then(() => {
  const server = app.listen(Number(process.env.PORT || 8000), '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
  process.once('SIGTERM', async () => {
    receiver.accepting = false;
    await receiver.drain();
    server.close();
    server.closeIdleConnections();
  });
});
