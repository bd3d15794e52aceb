"""A finished run -> files for leaderboards and for the model's page on the Hub.

Raw results end at `entry.py` and `training.py`: what they return holds only fields that were
looked at one by one, and the writers see nothing else.
"""
