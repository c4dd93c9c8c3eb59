#!/usr/bin/env python3
"""A real SMTP server (aiosmtpd, from PyPI) that plays faults on demand, for tests/suite/smtp.rs.

    python3 tests/mail/aiosmtpd_faults.py

prints one line of JSON with its host, ports and the file of its authority:

    {"host": "127.0.0.1", "port": 40001, "control": 40002, "ca": "/tmp/…/ca.pem"}

and runs until it is told to end. `port` is a server with STARTTLS and AUTH that plays no faults. Each test asks
the control port for a server of its own, so that tests do not disturb each other:

    POST /listen  {"tls": "starttls" | "implicit" | "none", "auth": true, "certificate": "good" | "other",
                   "smtputf8": true, "timeout": 300, "faults": {…}}            -> {"port": 40003}
    GET  /mails?port=40003   what was stored, and how Python's email library reads it
    GET  /stats?port=40003   {"connections": 1, "mails": 1}

Faults are counts, used up one by one:
    connect_421 auth_454 auth_535 mail_451 mail_530 mail_553 rcpt_450 rcpt_550 answer_451 answer_554
    data_drop       closes in answer to DATA
    content_drop    closes in the middle of the content
    answer_drop     closes after the final dot, without storing
    answer_lost     stores, then resets the connection before the answer
    mail_stall      waits `stall_s` seconds before it answers MAIL
    answer_stall    stores, then waits `stall_s` seconds before it answers
and two are switches:
    greylist        451 on the first try of each sender and recipient
    inject          a man in the middle adds answers in clear text after the 220 to STARTTLS

The user is "shop", the password "s3cret-word".
"""

import asyncio
import base64
import email
import email.policy
import json
import logging
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import warnings
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

HOST = "127.0.0.1"
USER, PASSWORD = b"shop", b"s3cret-word"
LIFETIME_S = 3600


def make_certificates(folder):
    """An authority, a certificate for this host and one for another name, made anew on each start."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *ec, "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=banto test authority")
    for name, names in (("good", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:other.example")):
        openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        with open(os.path.join(folder, f"{name}.ext"), "w", encoding="ascii") as extensions:
            extensions.write(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )


def context(folder, name):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.key"))
    return tls


class Account:
    """What one listening server plays and keeps."""

    def __init__(self, options):
        self.faults = dict(options.get("faults", {}))
        self.stall_s = self.faults.pop("stall_s", 5)
        self.greylist = self.faults.pop("greylist", False)
        self.inject = self.faults.pop("inject", False)
        self.seen = set()
        self.mails = []
        self.connections = 0

    def plays(self, fault):
        left = self.faults.get(fault, 0)
        if left > 0:
            self.faults[fault] = left - 1
        return left > 0

    # aiosmtpd's hooks

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.plays("mail_stall"):
            await asyncio.sleep(self.stall_s)
        for fault, answer in (
            ("mail_451", "451 4.3.2 try again later"),
            ("mail_530", "530 5.7.0 authentication required"),
            ("mail_553", "553 5.7.1 sender address rejected: not owned by user"),
        ):
            if self.plays(fault):
                return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.plays("rcpt_450"):
            return "450 4.2.1 mailbox temporarily unavailable"
        if self.plays("rcpt_550"):
            return "550 5.1.1 no such user"
        pair = (envelope.mail_from, address)
        if self.greylist and pair not in self.seen:
            self.seen.add(pair)
            return "451 4.7.1 Greylisted, please try again in 300 seconds"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.plays("answer_451"):
            return "451 4.3.0 try again later"
        if self.plays("answer_554"):
            return "554 5.6.0 content refused"
        if self.plays("answer_drop"):
            server.transport.close()
            return "421 gone"
        self.mails.append(describe(envelope, server, session))
        if self.plays("answer_lost"):
            server.transport.abort()
            return "421 gone"
        if self.plays("answer_stall"):
            await asyncio.sleep(self.stall_s)
        return f"250 2.0.0 queued as {len(self.mails)}"

    def authenticate(self, server, session, envelope, mechanism, data):
        if self.plays("auth_454"):
            return AuthResult(success=False, handled=False, message="454 4.7.0 temporary authentication failure")
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER, PASSWORD)
        if right and not self.plays("auth_535"):
            return AuthResult(success=True)
        # Some servers repeat what they were sent; it must not reach a log.
        repeated = data.password.decode(errors="replace")
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 wrong password {repeated}")


class Server(SMTP):
    """aiosmtpd with the faults that its hooks cannot play."""

    def connection_made(self, transport):
        # STARTTLS comes here a second time.
        if self.session is None:
            self.event_handler.connections += 1
            if self.event_handler.plays("connect_421"):
                transport.write(b"421 4.3.2 too busy\r\n")
                transport.close()
                return
        super().connection_made(transport)

    def connection_lost(self, error):
        if self.session is not None:
            super().connection_lost(error)

    async def push(self, status):
        if self.event_handler.inject and status == "220 Ready to start TLS":
            status += "\r\n250-mitm\r\n250 AUTH PLAIN LOGIN"
        await super().push(status)

    async def smtp_DATA(self, arg):
        if self.event_handler.plays("data_drop"):
            self.transport.close()
        elif self.event_handler.plays("content_drop"):
            await self.push("354 go ahead")
            await self._reader.readuntil(b"\r\n")
            self.transport.abort()
        else:
            await super().smtp_DATA(arg)


def describe(envelope, server, session):
    """A mail as received, and as Python's email library reads it."""
    raw = envelope.content
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    parts = {part.get_content_type(): part for part in mail.walk() if not part.is_multipart()}
    defects = [repr(defect) for part in mail.walk() for defect in part.defects]
    defects += [repr(defect) for name in mail.keys() for defect in mail[name].defects]

    def people(name):
        return [[a.display_name, a.addr_spec] for a in mail[name].addresses] if mail[name] else []

    def content(kind):
        return parts[kind].get_content().replace("\r\n", "\n") if kind in parts else None

    return {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "tls": server.transport.get_extra_info("ssl_object") is not None,
        "auth": bool(session.authenticated),
        "raw": base64.b64encode(raw).decode(),
        "longest_line": max(len(line) for line in raw.split(b"\r\n")),
        "headers": [name for name in mail.keys()],
        "subject": mail["subject"],
        "from_header": people("from"),
        "to_header": people("to"),
        "reply_to": people("reply-to"),
        "message_id": mail["message-id"],
        "auto_submitted": mail["auto-submitted"],
        "date": mail["date"].datetime.isoformat(),
        "type": mail.get_content_type(),
        "text": content("text/plain"),
        "html": content("text/html"),
        "defects": defects,
    }


class Control:
    """The HTTP port by which tests ask for servers."""

    def __init__(self, folder):
        self.folder = folder
        self.accounts = {}
        self.servers = []

    async def listen(self, options):
        account = Account(options)
        tls = options.get("tls", "starttls")
        certificate = context(self.folder, options.get("certificate", "good"))
        loop = asyncio.get_running_loop()

        def server():
            if options.get("auth"):
                login = {"authenticator": account.authenticate, "auth_required": True}
            else:
                login = {"auth_exclude_mechanism": ["PLAIN", "LOGIN"]}
            return Server(
                account,
                hostname="mail.test",
                loop=loop,
                timeout=options.get("timeout", 300),
                enable_SMTPUTF8=options.get("smtputf8", True),
                # With implicit TLS aiosmtpd does not know of the TLS below it.
                auth_require_tls=tls == "starttls",
                tls_context=certificate if tls == "starttls" else None,
                **login,
            )

        implicit = certificate if tls == "implicit" else None
        listening = await loop.create_server(server, HOST, 0, ssl=implicit)
        self.servers.append(listening)
        port = listening.sockets[0].getsockname()[1]
        self.accounts[port] = account
        return port

    async def answer(self, method, target, body):
        url = urlsplit(target)
        if (method, url.path) == ("POST", "/listen"):
            return {"port": await self.listen(json.loads(body))}
        account = self.accounts[int(parse_qs(url.query)["port"][0])]
        if url.path == "/mails":
            return account.mails
        return {"connections": account.connections, "mails": len(account.mails)}

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        length = next((int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
        answer = json.dumps(await self.answer(method, target, await reader.readexactly(length)), ensure_ascii=False)
        # The email library keeps octets that no header declares as lone surrogates.
        answer = answer.encode("utf-8", "surrogateescape")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
        await writer.drain()
        writer.close()


async def main():
    # aiosmtpd logs each connection that breaks off, which is what this server is for.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="banto-smtp-") as folder:
        make_certificates(folder)
        control = Control(folder)
        port = await control.listen({"tls": "starttls", "auth": True})
        http = await asyncio.start_server(control.serve, HOST, 0)
        addresses = {"host": HOST, "port": port, "control": http.sockets[0].getsockname()[1]}
        print(json.dumps({**addresses, "ca": os.path.join(folder, "ca.pem")}), flush=True)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        try:
            await asyncio.wait_for(ended.wait(), LIFETIME_S)
        except asyncio.TimeoutError:
            print("nobody ended this server within an hour", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
