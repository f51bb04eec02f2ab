"""What would be in the way of a verb, asked without a job (S-018, S-194, S-293).

candidates   which appliances could hold the replica, and why others could not
asked        both appliances are asked, and what is said becomes an answer
protected    of a machine under protection: could it be failed over now, and moved without loss?
returning    what would a reprotect send, and how long would it take?
unprotected  of another one: could it be protected?
"""
