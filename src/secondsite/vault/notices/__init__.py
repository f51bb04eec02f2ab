"""People and programs are told of what happens: by mail, or by signed webhooks.

What is to be told follows from the state, again at each look, and is written down before it is sent: a vault
that is killed tells each thing at least once. Without a target nothing is looked at.

    notifier   looks, and sees to what waits
    detection  what targets have to be told, written down
    findings   which findings machines have
    couriers   deliver what waits, each to its target
    quiet      quiet hours
    messages   notices become a message
    delivery/  to a webhook, to a mail server
"""
