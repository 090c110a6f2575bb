"""What the desk keeps on disk and reads from it: recordings, recorded market files, exports.

Takes and gives domain values or plain columns. Knows no market arithmetic, no venue's connection
and no clock: instants are handed in.
"""
