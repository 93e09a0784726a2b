"""A mail server that wants STARTTLS and a password: mail_server.py CERTIFICATE KEY OUT

Prints its port, and writes each mail to OUT.
"""
import socket
import ssl
import sys
import time

sys.path.insert(0, "target/test-tools")
from aiosmtpd.controller import Controller  # noqa: E402
from aiosmtpd.smtp import AuthResult  # noqa: E402

certificate, key, out = sys.argv[1:4]


class Keep:
    """Writes mails down."""

    async def handle_DATA(self, server, session, envelope):  # noqa: N802, the name is the server's
        with open(out, "ab") as file:
            file.write(envelope.content)
        return "250 kept"


def known(_server, _session, _envelope, _mechanism, data):
    """One user has a password."""
    return AuthResult(success=(data.login, data.password) == (b"drills", b"pass word"))


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
controller = Controller(Keep(), hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True,
                        authenticator=known, auth_required=True, auth_require_tls=True)
controller.start()
print(port, flush=True)
time.sleep(60)
