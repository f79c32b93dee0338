// The server's addresses. Whatever goes wrong becomes an Error with one sentence.

async function ask(method, path, content) {
  let answer;
  try {
    answer = await fetch(`/api/${path}`, {
      method,
      body: content === undefined ? undefined : JSON.stringify(content),
      headers: content === undefined ? {} : { "content-type": "application/json" },
    });
  } catch { throw new Error("the server does not respond; is 'debleed serve' still running?"); }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(told.error ?? `the server responded with status ${answer.status}`), { status: answer.status });
  return told;
}

export const get = (path) => ask("GET", path);
export const post = (path, content = {}) => ask("POST", path, content);
export const put = (path, content) => ask("PUT", path, content);
export const patch = (path, content) => ask("PATCH", path, content);
export const remove = (path) => ask("DELETE", path);

export async function bytes(path, signal) {
  const answer = await fetch(`/api/${path}`, { signal });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `the server responded with status ${answer.status}`);
  return answer.arrayBuffer();
}

// Send a file as it lies on the disk, piece by piece; told(share) hears of the progress, 1 meaning "being checked".
export async function upload(session, file, told, begun = () => {}) {
  await post(`sessions/${session}/files`, { name: file.name, size: file.size }); // is it refused, then before
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/api/sessions/${session}/files?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = (event) => told(event.total ? event.loaded / event.total : 0);
    request.upload.onload = () => told(1);
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* no JSON: the sentence below */ }
      if (request.status === 201) done(answer);
      else failed(new Error(answer.error ?? `the server responded with status ${request.status}`));
    };
    request.onerror = () => failed(new Error(`'${file.name}' could not be uploaded; is 'debleed serve' still running?`));
    request.onabort = () => failed(new Error(`the upload of '${file.name}' was interrupted`));
    begun(request);
    request.send(file);
  });
}
