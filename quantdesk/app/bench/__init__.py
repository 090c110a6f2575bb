"""What `quantdesk bench` and `benches/` share: realistic options, peers, timing, error."""
