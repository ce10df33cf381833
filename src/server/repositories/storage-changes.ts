/** Who must know when the server itself has changed what lies in a repository: the endpoint, which counts what is used. */
export class StorageChanges {
  readonly #listeners = new Set<(repositoryId: string) => void>()

  listen(listener: (repositoryId: string) => void): void {
    this.#listeners.add(listener)
  }

  tell(repositoryId: string): void {
    for (const listener of this.#listeners) listener(repositoryId)
  }
}
