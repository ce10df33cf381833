/** Something that must never be: the torture stops, and keeps everything as it is. */
export class TortureFailure extends Error {
  override readonly name = 'TortureFailure'
  readonly evidence: readonly string[]

  /** `evidence`: lines that show it. */
  constructor(sentence: string, evidence: readonly string[] = []) {
    super(sentence)
    this.evidence = evidence
  }
}
