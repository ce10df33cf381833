/** What every room uses: errors with stable codes, the clock, bounded concurrency, words for sizes and times. */
export * from './async.ts'
export * from './built-in.ts'
export * from './clock.ts'
export * from './errors.ts'
export * from './format.ts'
export * from './program-files.ts'
export * from './threads.ts'
export * from './webassembly.ts'
