"""A relay between two sites that notes when how many bytes passed."""

import socket
import threading
import time


class Relay:
    """Listens on `port`, passes on to `target_port`; `passed` holds (monotonic time, connection, bytes) forwards."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.passed = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.sockets = [self.server]
        self.threads = []
        self._begin(self._accept)

    def close(self):
        for each in self.sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
        for thread in self.threads:
            thread.join(5)

    def rate(self, begin, end):
        """Bytes per second that passed between the two moments."""
        return sum(self.shares(begin, end).values()) / (end - begin)

    def shares(self, begin, end):
        """Bytes of each connection between the two moments."""
        shares = {}
        for at, connection, count in list(self.passed):
            if begin <= at < end:
                shares[connection] = shares.get(connection, 0) + count
        return shares

    def altered(self, data):
        """What is passed on instead of `data`, which goes forward."""
        return data

    def _begin(self, run, *arguments):
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
            far.settimeout(None)
            self.sockets += [near, far]
            self._begin(self._pump, near, far, len(self.sockets))
            self._begin(self._pump, far, near, None)

    def _pump(self, source, sink, connection):
        try:
            while data := source.recv(256 * 1024):
                if connection is not None:
                    self.passed.append((time.monotonic(), connection, len(data)))
                    data = self.altered(data)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for each in (source, sink):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
