"""What a shell and `man` have of the command line, without starting it: files, made once from its commands.

words      the commands as a tree of plain words
manuals    manual pages, one for each noun
bash, zsh, fish    what these complete
write      `python -m secondsite.entry.shell.write FOLDER` lays all of it below a folder such as /usr
"""
