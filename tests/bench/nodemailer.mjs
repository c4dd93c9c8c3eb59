// The baseline of the mail benchmark: nodemailer's pooled transport.
// node nodemailer.mjs PORT CONNECTIONS MAILS MAIL.json   prints {"seconds": 1.23}
import { readFileSync } from "node:fs";
import nodemailer from "nodemailer";

const [port, connections, mails] = process.argv.slice(2, 5).map(Number);
const mail = JSON.parse(readFileSync(process.argv[5], "utf8"));
const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port,
  secure: false,
  ignoreTLS: true,
  pool: true,
  maxConnections: connections,
  maxMessages: Infinity,
});

const send = (n) =>
  transport.sendMail({
    from: { name: mail.from_name, address: "shop@shop.example" },
    to: { name: mail.to_name, address: `buyer${n}@example.com` },
    messageId: `<nodemailer.${n}@shop.example>`,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
  });
const batch = (count) => Promise.all(Array.from({ length: count }, (_, n) => send(n)));

await batch(4 * connections);
const began = performance.now();
await batch(mails);
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000 }));
transport.close();
