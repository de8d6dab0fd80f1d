"""Zip archives, byte by byte: only the one form that every reader understands in the same way is accepted.

Zip's specification (APPNOTE 4.3) describes it and honest writers keep it: members one behind the other from byte 0,
each a local header, its data and perhaps a data descriptor; then the directory; then, where there is one, the zip64
record with its locator; then the end record with its comment, and nothing behind it. Directory and local headers agree,
and no two names are equal, not even without regard to case. Every deviation is a finding.
"""
