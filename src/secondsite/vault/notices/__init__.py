"""Notices: people and programs are told what happens, by mail or by signed webhooks.

What is to be told follows from the state, is found again in each round, and is written down before it is
sent: a vault that is killed tells each thing at least once. Without a target nothing is looked at.

    notifier   the rounds: detection, and sending what waits
    detection  finds what targets have to be told, and writes it down
    findings   the findings of all machines
    couriers   send what waits, each to its target
    quiet      quiet hours
    messages   makes a message of notices
    delivery/  to a webhook, to a mail server
"""
