"""The peer of the serve benchmarks: FastAPI, one uvicorn worker, TLS, an opaque token.

serve-explain: scikit-learn's MLP 64-64 and shap's KernelExplainer (200 samples, 100 background rows);
serve-trees: XGBoost and its TreeSHAP; serve: our MLP, as `cangong onnx` wrote it, by ONNX Runtime."""
import json
import sys

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request

name, port, file, certificate, key = sys.argv[1:]
rows = np.loadtxt(file, delimiter=",", skiprows=1)
x, y = rows[:, 2:].astype(np.float32), rows[:, 1].astype(int)
background = x[:100]
TOKENS = {"token": "ehr"}

if name == "serve-trees":
    import xgboost
    model = xgboost.XGBClassifier(n_estimators=100, n_jobs=1).fit(x, y)
    booster = model.get_booster()
elif name == "serve":
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.replace("table.csv", "m.onnx"), options)
else:
    from sklearn.neural_network import MLPClassifier
    model = MLPClassifier((64, 64), max_iter=20).fit(x, y)
    import shap
    explainer = shap.KernelExplainer(lambda r: model.predict_proba(r)[:, 1], background)

app = FastAPI()


def features(bundle):
    row = np.full((1, 35), np.nan, np.float32)
    for entry in bundle["entry"]:
        resource = entry["resource"]
        row[0, int(resource["code"]["coding"][0]["code"][1:])] = resource["valueQuantity"]["value"]
    return row


def signed_in(request):
    if TOKENS.get(request.headers.get("authorization", "").removeprefix("Bearer ")) is None:
        raise HTTPException(401)


@app.post("/cds-services/m")
async def card(request: Request):
    signed_in(request)
    row = features((await request.json())["prefetch"]["observations"])
    if name == "serve-trees":
        import xgboost
        parts = booster.predict(xgboost.DMatrix(row), pred_contribs=True)[0]
        p = float(1 / (1 + np.exp(-parts.sum())))
    else:
        p = float(model.predict_proba(row)[0, 1])
        parts = explainer.shap_values(row, nsamples=200, silent=True)[0]
    order = np.argsort(-np.abs(parts[:35]))[:5]
    return {"cards": [{"summary": f"{100 * p:.1f} %", "indicator": "info",
                       "detail": "\n".join(f"- f{k}: {parts[k]:.3f}" for k in order),
                       "source": {"label": "peer"}}]}


@app.post("/v2/models/m/infer")
async def infer(request: Request):
    signed_in(request)
    body = await request.json()
    row = features(json.loads(body["inputs"][0]["data"][0]))
    p = float(session.run(["value"], {"features": row})[0][0, 0])
    return {"model_name": "m", "outputs": [{"name": "value", "datatype": "FP64", "shape": [1],
                                            "data": [p]}]}


print("ready", flush=True)
uvicorn.run(app, host="127.0.0.1", port=int(port), ssl_certfile=certificate, ssl_keyfile=key,
            log_level="warning", access_log=False)
