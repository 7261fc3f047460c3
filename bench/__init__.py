"""Every promise of speed as a ratio, measured in one run on servers of its own: ``make bench``.

A machine's absolute figures say little and change by the hour. So each work is measured beside something plain that
does the same with the same servers, in short turns, and what counts is the ratio of the two.
"""
