import * as fs from 'node:fs/promises'

/** The file calls that the local storage makes. A parameter, so that tests can have any of them fail. */
export type LocalFiles = Pick<
  typeof fs,
  'open' | 'link' | 'rename' | 'unlink' | 'lstat' | 'stat' | 'mkdir' | 'readdir' | 'readFile' | 'chmod'
>

export const systemFiles: LocalFiles = fs
