import type { ColumnType } from 'kysely'

export type Flag = 0 | 1
/** Set once, when the row is made. */
export type Fixed<T> = ColumnType<T, T, never>
/** Not known as long as nobody has said it. */
export type Later<T> = ColumnType<T | null, T | null | undefined, T | null>
