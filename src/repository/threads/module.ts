import { extname } from 'node:path'

/** The module of the worker thread, beside this one, in source and in built form. */
export function threadModule(): URL {
  return new URL(`./thread${extname(import.meta.url)}`, import.meta.url)
}
