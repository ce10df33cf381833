/** Kinds of operation that remove something: an attack ends them, and nothing of the kind begins in it. */
export const deletingKinds = ['retention', 'purge', 'delete-repository', 'thin-copy']
