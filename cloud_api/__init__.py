"""The control plane: takes requests, keeps presence, repairs the queue. No ML library is loaded here."""
