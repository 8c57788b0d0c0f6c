"""The doctor: looks at everything this installation needs, and says what to do in plain words.

One module for each subject, each with functions that return findings; `CHECKS` in `examination` lists them.
"""
