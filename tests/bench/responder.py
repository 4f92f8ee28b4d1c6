"""Answers anything with a 200 over bare sockets: how fast the sender of the load is at most."""

from __future__ import annotations

import select
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def main() -> None:
    """Serve on the port given."""
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024) as listener:
        serve(listener)


def serve(listener: socket.socket) -> None:
    """Take each piece that comes for a whole request: so much fits into one."""
    opened = {}
    with select.epoll() as poll:
        poll.register(listener, select.EPOLLIN)
        while True:
            for file, _ in poll.poll():
                if file == listener.fileno():
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    opened[connection.fileno()] = connection
                    poll.register(connection, select.EPOLLIN)
                elif opened[file].recv(65536):
                    opened[file].sendall(ANSWER)
                else:
                    opened.pop(file).close()


if __name__ == "__main__":
    main()
