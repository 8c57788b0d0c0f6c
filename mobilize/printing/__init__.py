"""Paper: fonts, text that fits its place, QR codes, and pages of reports."""
