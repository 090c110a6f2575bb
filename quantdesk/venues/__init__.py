"""The exchanges' adapters, and the transport they share. The rest of the desk meets them as
`domain.ports`: frames come out of a feed, events out of a decoder."""
