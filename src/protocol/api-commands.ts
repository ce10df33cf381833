/**
 * The commands that calls of the API have. The table is made from the routes (`scripts/build-api-commands.ts`), so that the
 * program knows its commands without loading the server.
 */
export interface ApiCommand {
  /** A thing and a verb: `machine approve`. */
  readonly command: string
  readonly method: string
  /** With `:name` for parameters, which become arguments. */
  readonly path: string
  /** One sentence. */
  readonly summary: string
  readonly query: readonly ApiField[]
  readonly body?: {
    readonly fields: readonly ApiField[]
    /** Whether there is more than a line can say, so that it comes from a file; 'must': always. */
    readonly file: 'no' | 'may' | 'must'
  }
  /** What comes back is an operation, whose end can be waited for. */
  readonly isOperation: boolean
  /** What comes back is a file, to be saved. */
  readonly isFile?: true
  /** A token is not enough. */
  readonly bySession: boolean
}

/** A value that can be typed on a line. */
export interface ApiField {
  /** As the API has it: `expiresAt`. */
  readonly name: string
  /** 'grant': a role, and for whom; 'secret': asked for, as a line can be seen by others. */
  readonly kind: 'text' | 'secret' | 'number' | 'boolean' | 'id' | 'time' | 'grant'
  /** The words of a closed set; of an id, words that may stand in its place. */
  readonly words?: readonly string[]
  /** Which things are meant, where the name does not say it: a machine by `from`. */
  readonly thing?: string
  /**
   * It is part of `in`. Where that has several shapes it says which one, by their `key`, or belongs to the one shape that `word`
   * stands for.
   */
  readonly within?: { readonly in: string; readonly key?: string; readonly word?: string }
  readonly isList: boolean
  readonly isRequired: boolean
  /** May be nothing (`null`), which is not the same as not being given. */
  readonly isNullable: boolean
  readonly about?: string
}
